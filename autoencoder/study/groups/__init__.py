"""Groups of animals compared: who is compared, by what, and how sure it is."""
