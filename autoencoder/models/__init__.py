"""Networks: an encoder each, with the decoder that mirrors it."""
