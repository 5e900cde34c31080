"""What a study trains: settings crossed with seeds, the reference table, and how long it will take."""
