"""Documents of subscriptions: checked, compiled, said in other names."""
