"""The pages, through the test client."""

import hmac
import json

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from allotment.plots.models import Booking, Plot

pytestmark = pytest.mark.django_db


@pytest.fixture
def plot():
    return Plot.objects.create(number=7, price_cents=9000, size_m2=120.0)


@pytest.fixture
def member_client(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ida", password="spade-and-fork"))
    return client


def test_home_is_open(client, plot):
    assert client.get("/").status_code == 200


def test_detail_wants_a_login(client, plot):
    assert client.get(f"/plots/{plot.pk}/").status_code == 302


def test_book(member_client, plot):
    member_client.post(f"/plots/{plot.pk}/book/")
    assert Booking.objects.filter(plot=plot, ends__isnull=True).count() == 1


def test_photo(member_client, plot):
    upload = SimpleUploadedFile("a.png", b"\x89PNG")
    assert member_client.post(f"/plots/{plot.pk}/photo/", {"photo": upload}).status_code == 302


def test_hook(client, plot, django_user_model):
    member = django_user_model.objects.create_user("jo")
    booking = Booking.objects.create(plot=plot, member=member, begins="2025-03-01")
    body = json.dumps({"booking": booking.pk, "cents": 9000, "reference": "r1"}).encode()
    signature = hmac.new(settings.PAYMENT_KEY.encode(), body, "sha256").hexdigest()
    answer = client.post(
        "/payments/hook/", body, content_type="application/json", headers={"X-Signature": signature}
    )
    assert answer.status_code == 204
