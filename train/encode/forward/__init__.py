"""The forward pass: columns packed without padding, attention, and what a CPU needs."""
