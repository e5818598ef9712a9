"""``manage.py orders``: saves some orders through hooks."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.db import transaction

from shop.apps import alloy
from shop.models import Customer, Order


class Command(BaseCommand):
    help = "Saves some orders through hooks."

    def handle(self, *args: Any, **options: Any) -> None:
        tidy = "entity.email = entity.email:lower()"
        alloy.scripts.create("tidy", tidy, on="order.before_create", status="active")
        positive = 'if entity.total < 0 then abort("too low", {field = "total"}) end'
        alloy.scripts.create("positive", positive, on="order.before_create", status="active")

        ann = Customer.objects.create(name="Ann")
        with transaction.atomic(), alloy.context(user="ann"):
            order = Order.objects.create(customer=ann, email="Ann@Example.com", total=50)
        self.stdout.write(f"saved {order.email}")
        try:
            Order.objects.bulk_create([Order(customer=ann, total=1), Order(customer=ann, total=-1)])
        except ValidationError as error:
            self.stdout.write(f"rejected {error.message_dict}")
        self.stdout.write(f"{Order.objects.count()} order")
