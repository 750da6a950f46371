"""Turn the names that users give into models, tasks, vectors and prices."""
