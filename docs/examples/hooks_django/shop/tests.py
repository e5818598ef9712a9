"""The shop's own tests: hooks live with Django's test cases, whose transactions never commit."""

from django.core.exceptions import ValidationError
from django.test import TestCase

from .apps import alloy
from .models import Customer, Order


class Hooks(TestCase):
    def setUp(self) -> None:
        self.ann = Customer.objects.create(name="Ann")

    def bind(self, hook: str, source: str) -> None:
        name = f"{self._testMethodName}-{hook}"
        alloy.scripts.create(name, source, on=f"order.{hook}", status="active")
        self.addCleanup(lambda: alloy.scripts.pause(name))

    def test_a_rejection_is_a_validation_error(self) -> None:
        self.bind("before_create", 'if entity.total < 0 then abort("too low", {field = "total"}) end')
        with self.assertRaises(ValidationError) as caught:
            Order.objects.create(customer=self.ann, total=-1)
        self.assertEqual(caught.exception.message_dict, {"total": ["too low"]})
        self.assertEqual(Order.objects.count(), 0)

    def test_commit_hooks_wait_as_djangos_do(self) -> None:
        self.bind("on_commit", 'error("fired")')
        with self.captureOnCommitCallbacks() as callbacks:
            Order.objects.create(customer=self.ann, total=1)
        self.assertEqual(len(callbacks), 1)

    def test_an_expression_is_computed_before_hooks_see_it(self) -> None:
        from django.db.models import F

        order = Order.objects.create(customer=self.ann, email="ann@example.com", total=1)
        self.bind("before_update", 'entity.email = "was " .. before.total .. ", is " .. entity.total')
        Order.objects.update(total=F("total") + 1)
        order.refresh_from_db()
        self.assertEqual((order.email, order.total), ("was 1, is 2", 2))

    def test_related_managers_fire_too(self) -> None:
        self.bind("before_create", 'entity.email = "customer " .. entity.customer_id')
        order = self.ann.order_set.create(total=1)
        self.assertEqual(order.email, f"customer {self.ann.pk}")

    def test_a_wrong_choice_is_refused(self) -> None:
        self.bind("before_create", 'entity.status = "payed"')
        with self.assertRaisesRegex(Exception, "field status: got the string 'payed', wanted one of new, paid"):
            self.ann.order_set.create(total=1)
