"""Animals left out in turn: `study --leave-one-out`."""
