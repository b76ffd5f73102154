"""The pages of consultations: what everybody reads, where residents speak, and the official's way to the answers."""

from dothi.web.pages.consultations import answer, prepare, public, voices

PAGES = (*voices.PAGES, *public.PAGES, *prepare.PAGES, *answer.PAGES)
