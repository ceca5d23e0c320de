"""One module per subcommand: a request in, a result out, progress by callback, no printing."""
