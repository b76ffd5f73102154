// The map beside the list of communes: a place on it with a radius takes the place of the commune.
const circle = document.querySelector("[data-circle]");
if (circle) {
  const { unit, radius } = circle.closest("form").elements;
  circle.hidden = false;
  circle.addEventListener("pick", () => {
    unit.value = "";
    radius.value ||= "500";
  });
}
