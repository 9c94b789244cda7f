"""The study: a typed TOML file, presets, and the plan of what it will cost."""
