"""What a run did, measured without a wall-clock ratio."""
