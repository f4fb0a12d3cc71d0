"""The classes that the official clients raise, by the status of the reply."""

from __future__ import annotations

import extend_ai
import nutrient_dws
from extend_ai.core.api_error import ApiError

__all__ = ["EXTEND_CLASSES", "NUTRIENT_CLASSES"]

EXTEND_CLASSES = {
    400: extend_ai.BadRequestError,
    401: extend_ai.UnauthorizedError,
    402: extend_ai.PaymentRequiredError,
    403: extend_ai.ForbiddenError,
    404: extend_ai.NotFoundError,
    # The client has no class of its own for it.
    410: ApiError,
    422: extend_ai.UnprocessableEntityError,
    429: extend_ai.TooManyRequestsError,
    500: extend_ai.InternalServerError,
}

NUTRIENT_CLASSES = {
    **dict.fromkeys((400, 402, 404, 408, 413, 422, 429), nutrient_dws.ValidationError),
    **dict.fromkeys((401, 403), nutrient_dws.AuthenticationError),
    **dict.fromkeys((500, 503), nutrient_dws.APIError),
}
