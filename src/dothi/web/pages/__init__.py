"""The pages, one file a module: each file lists its addresses in PAGES and is found by web/site.py."""
