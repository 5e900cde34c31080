"""Tables at a rate of their own, brought to the images of a data set."""
