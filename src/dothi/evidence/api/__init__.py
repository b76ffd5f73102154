"""Evidence over HTTP: figures with their walk, and reports from what is owed to what was signed."""

from fastapi import APIRouter

from dothi.evidence.api import figures, reports
from dothi.evidence.api.reports import address_of, document

__all__ = ["address_of", "document", "router"]

router = APIRouter(prefix="/evidence")
router.include_router(figures.router)
router.include_router(reports.router)
