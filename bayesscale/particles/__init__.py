"""Compiled sampling: clouds of particles for single curves, and the chains that they start."""
