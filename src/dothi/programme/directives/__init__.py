"""What a document or a spreadsheet asks to be done: read, proposed sentence by sentence or row by row, and decided."""
