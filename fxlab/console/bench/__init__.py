"""What `bench` shows: one module per suite, histograms and scatter plots."""
