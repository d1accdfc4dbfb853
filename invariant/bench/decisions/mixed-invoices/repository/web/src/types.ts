/** What the backend answers; the names are those of the JSON. */
export interface Invoice {
  id: number;
  customer: string;
  total: string;
  isPaid: boolean;
  createdAt: string;
}

export interface Failure {
  message: string;
}
