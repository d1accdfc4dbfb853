package dev.pfennig.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;

class EntryTest {

    private static final LocalDate NEW_YEAR = LocalDate.of(2024, 1, 1);
    private final Account bank = new Account("asset:bank", AccountType.ASSET, "Bank");
    private final Account rent = new Account("expense:rent", AccountType.EXPENSE, "Rent");

    private Posting posting(Account account, String amount) {
        return new Posting(account, new BigDecimal(amount), "EUR");
    }

    @Test
    void rentIsPaidFromTheBank() {
        Entry entry = new Entry(NEW_YEAR, "Rent",
                List.of(posting(rent, "800.00"), posting(bank, "-800.00")));
        assertEquals(2, entry.postings().size());
    }

    @Test
    void anEntryThatDoesNotBalanceIsRejected() {
        assertThrows(IllegalArgumentException.class, () -> new Entry(NEW_YEAR, "Rent",
                List.of(posting(rent, "800.00"), posting(bank, "-799.99"))));
    }

    @Test
    void aReversalCarriesItsOwnDate() {
        Entry entry = new Entry(NEW_YEAR, "Rent",
                List.of(posting(rent, "800.00"), posting(bank, "-800.00")));
        LocalDate today = LocalDate.now();
        assertEquals(today, entry.reversedOn(today).date());
    }
}
