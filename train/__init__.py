"""Fine-tune text-embedding models and prove that it helped."""
