"""Which orders the models of datamodel-code-generator take, and with which attributes: null if not.

Run in an environment without mintmark: orders.py JSON, with the generated `models` on the path.
"""

import json
import sys

from models import Order
from pydantic import ValidationError


def attributes(body):
    try:
        order = Order.model_validate(body)
    except ValidationError:
        return None
    return order.model_dump(mode="json", by_alias=True, exclude_unset=True)["attributes"]


print(json.dumps([attributes(body) for body in json.loads(sys.argv[1])]))
