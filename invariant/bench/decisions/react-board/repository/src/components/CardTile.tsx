import type { Card } from "../api/client";
import { sanitize } from "../lib/sanitize";

export interface CardTileProps {
  card: Card;
  columns: string[];
  onMove: (column: string) => void;
}

export function CardTile({ card, columns, onMove }: CardTileProps) {
  return (
    <article
      className="tile"
      draggable
      onDragStart={(event) => event.dataTransfer.setData("text/plain", card.id)}
    >
      <h3>{card.title}</h3>
      {card.photoUrl !== null && <img src={card.photoUrl} alt={`Photo of ${card.title}`} />}
      <div dangerouslySetInnerHTML={{ __html: sanitize(card.notesHtml) }} />
      <label>
        Move to
        <select value={card.column} onChange={(event) => onMove(event.target.value)}>
          {columns.map((column) => (
            <option key={column}>{column}</option>
          ))}
        </select>
      </label>
    </article>
  );
}
