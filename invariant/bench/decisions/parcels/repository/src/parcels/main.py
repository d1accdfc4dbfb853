"""The application."""

import logging

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from parcels.errors import ParcelError
from parcels.routes import labels, shipments

log = logging.getLogger(__name__)
app = FastAPI(title="parcels")
app.add_middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
)
app.include_router(shipments.router)
app.include_router(labels.router)


@app.exception_handler(ParcelError)
async def business_error(request: Request, error: ParcelError) -> JSONResponse:
    return JSONResponse(error.as_body(), status_code=400)


@app.middleware("http")
async def last_resort(request: Request, call_next):
    try:
        return await call_next(request)
    except Exception:
        log.exception("unhandled error on %s", request.url.path)
        return JSONResponse({"code": "internal", "message": "Something broke."}, status_code=500)
