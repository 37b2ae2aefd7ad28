"""What staff send from the pages of notices."""

from typing import Any

from django import forms


class StretchForm(forms.Form):
    """A stretch of the walk: a building's id and one of its entrances, or one unit; else all.

    `settled` takes in the notices on which nothing is owed any more.
    """

    building = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    entrance = forms.CharField(required=False, max_length=20, empty_value="")
    unit = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    settled = forms.BooleanField(required=False)

    def stretch(self) -> dict[str, Any]:
        """As `door.doors` takes it. An empty entrance is that of units without one."""
        if self.cleaned_data["unit"] is not None:
            # Somebody asks for this very one.
            return {"unit_id": self.cleaned_data["unit"]}
        building = self.cleaned_data["building"]
        if building is None:
            return {}
        return {"building_id": building, "entrance": self.cleaned_data["entrance"]}

    def to_print(self) -> dict[str, Any]:
        """The stretch without the doors at which nothing is owed any more, unless asked for."""
        stretch = self.stretch()
        if "unit_id" not in stretch and not self.cleaned_data["settled"]:
            stretch["owed"] = True
        return stretch
