"""Read, clean and decontaminate text, or make it up in artificial languages."""
