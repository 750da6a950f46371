"""What each command does, without options and without printing. No workflow imports another."""
