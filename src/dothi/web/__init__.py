"""The pages that people see, in Vietnamese first, and the JavaScript islands on them."""
