"""Many recordings to one data set: a table of them, a part for each, and the set that is put together of the parts."""
