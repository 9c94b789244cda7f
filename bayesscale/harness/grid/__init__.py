"""The grid: mixtures x checkpoints x tasks x D_f x seeds, each cell once, into one metrics file."""
