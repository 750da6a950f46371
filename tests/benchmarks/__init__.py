"""Speed of training and encoding, compared with Sentence Transformers on the same work. Run as modules; see each docstring."""
