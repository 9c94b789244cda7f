"""From text to token ids: the tokenizer, token files, the prepared folder and nested subsets of pairs."""
