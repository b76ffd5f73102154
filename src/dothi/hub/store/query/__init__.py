"""Questions to the history as SQL: one gate, one place where texts are made, and the engines that answer them."""
