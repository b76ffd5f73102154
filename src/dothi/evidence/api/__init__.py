"""Evidence over HTTP: figures with their walk, reports from what is owed to what was signed, and long histories."""

from fastapi import APIRouter

from dothi.evidence.api import figures, history, reports
from dothi.evidence.api.reports import address_of, document

__all__ = ["address_of", "document", "router"]

_own = APIRouter(prefix="/evidence")
_own.include_router(figures.router)
_own.include_router(reports.router)
router = APIRouter()
router.include_router(_own)
router.include_router(history.router)
