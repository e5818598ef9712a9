"""Customers and their orders."""

from django.db import models

from alloy_lua.bridges.django import HookedModel


class Customer(HookedModel):
    name = models.CharField(max_length=40)


class Order(HookedModel):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    email = models.EmailField()
    total = models.DecimalField(max_digits=12, decimal_places=2, help_text="with tax")
    status = models.CharField(max_length=10, default="new", choices=[("new", "New"), ("paid", "Paid")])
