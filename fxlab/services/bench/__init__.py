"""The verb `bench`: one module per suite, what all suites share (turns, figures, gates, the machine), and their pictures."""
