"""Stores of vectors that people have: Qdrant and FAISS, each through its own client."""
