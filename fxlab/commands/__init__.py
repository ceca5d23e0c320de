"""The command line's verbs, one module each: `register(app)` adds the verb. Imported only when the verb is wanted."""
