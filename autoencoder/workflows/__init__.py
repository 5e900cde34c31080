"""What a command does: computes with the layers below, draws with `plots`, and leaves files in the run folder."""
