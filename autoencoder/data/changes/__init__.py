"""What training changes in images before a network sees them."""
