const months = "January February March April May June July August September October November December".split(" ");
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** A date as Python's `strftime` writes it, in English and the local time zone. */
export function strftime(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = date.getHours();
  const dayOfYear = (): number => {
    const [here, first] = [[date.getMonth(), date.getDate()], [0, 1]].map(([month, day]) => Date.UTC(date.getFullYear(), month, day));
    return 1 + Math.round((here - first) / 86_400_000);
  };
  const values: Readonly<Record<string, () => string>> = {
    Y: () => String(date.getFullYear()),
    y: () => two(date.getFullYear() % 100),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => two(hours),
    I: () => two(hours % 12 || 12),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
    p: () => (hours < 12 ? "AM" : "PM"),
    B: () => months[date.getMonth()],
    b: () => months[date.getMonth()].slice(0, 3),
    A: () => days[date.getDay()],
    a: () => days[date.getDay()].slice(0, 3),
    j: () => String(dayOfYear()).padStart(3, "0"),
    "%": () => "%",
  };
  return format.replace(/%(.)/g, (all, letter: string) => (Object.hasOwn(values, letter) ? values[letter]() : all));
}
