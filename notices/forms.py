"""What staff send from the pages of notices."""

from typing import Any

from django import forms


class StretchForm(forms.Form):
    """A stretch of the walk: a building's id and one of its entrances, or one unit; else all."""

    building = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    entrance = forms.CharField(required=False, max_length=20, empty_value="")
    unit = forms.IntegerField(required=False, min_value=1, max_value=2**62)

    def stretch(self) -> dict[str, Any]:
        """As `door.doors` takes it. An empty entrance is that of units without one."""
        if self.cleaned_data["unit"] is not None:
            return {"unit_id": self.cleaned_data["unit"]}
        building = self.cleaned_data["building"]
        if building is None:
            return {}
        return {"building_id": building, "entrance": self.cleaned_data["entrance"]}
