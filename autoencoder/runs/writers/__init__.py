"""Where the numbers of each epoch go: the run's own table, TensorBoard, Comet, Weights & Biases."""
