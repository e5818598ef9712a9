"""The shop's app: it switches hooks on when Django is ready."""

from django.apps import AppConfig

from alloy_lua import Alloy

alloy = Alloy()


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self) -> None:
        from alloy_lua.bridges.django import DjangoHooks

        from .models import Customer, Order

        hooks = DjangoHooks(alloy)
        hooks.register(Customer)
        hooks.register(Order)
