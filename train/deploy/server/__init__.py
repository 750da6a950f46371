"""A small server of vectors in OpenAI's form."""
