"""Optimisers that scale the rate with the size of the weights, and schedules of the learning rate."""
