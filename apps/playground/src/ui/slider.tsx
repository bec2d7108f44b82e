import "./slider.css";

interface SliderProps {
  readonly name: string;
  readonly shown: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly disabled?: boolean;
  readonly about?: string;
}

/** A number within a range, and what it is now. */
export function Slider({ name, shown, about, onChange, ...range }: SliderProps) {
  return (
    <label class="setting">
      <span>{name}</span>
      <span>{shown}</span>
      <input type="range" {...range} aria-label={name} aria-valuetext={shown} onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)} />
      {about && <span class="about soft">{about}</span>}
    </label>
  );
}
