"""The T5 v1.1 encoder-decoder: sizes, layers, key-value cache, and Hugging Face weights in and out."""
