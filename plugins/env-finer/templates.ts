/** What the generated questions are made of: tags of the US-GAAP taxonomy, and sentences of our own for each. */

/** How a number is written: `#` in a sentence stands for it. */
export type NumberForm = "percent" | "millions" | "years" | "shares" | "dollars";

export interface Template {
  readonly tag: string;
  readonly form: NumberForm;
  readonly sentences: ReadonlyArray<string>;
}

const template = (
  tag: string,
  form: NumberForm,
  ...sentences: ReadonlyArray<string>
): Template => ({
  tag,
  form,
  sentences,
});

/** Several tags in every form, so that the form alone never decides. */
export const TEMPLATES: ReadonlyArray<Template> = [
  template(
    "DebtInstrumentInterestRateStatedPercentage",
    "percent",
    "The senior notes bear interest at a fixed rate of # per year.",
    "Interest on the debentures accrues at # and is paid twice a year.",
  ),
  template(
    "DebtInstrumentInterestRateEffectivePercentage",
    "percent",
    "After issuance costs, the notes yield an effective rate of #.",
    "Amortizing the discount brings the effective interest on the bonds to #.",
  ),
  template(
    "DebtInstrumentBasisSpreadOnVariableRate1",
    "percent",
    "The term loan bears interest at the reference rate plus a margin of #.",
    "Borrowings cost # above the base rate.",
  ),
  template(
    "LineOfCreditFacilityUnusedCapacityCommitmentFeePercentage",
    "percent",
    "We pay a fee of # on the part of the commitments that is not drawn.",
    "The undrawn portion of the facility costs # a year.",
  ),
  template(
    "EffectiveIncomeTaxRateContinuingOperations",
    "percent",
    "Our effective tax rate for the year was #.",
    "Income taxes amounted to # of pre-tax income from continuing operations.",
  ),
  template(
    "EffectiveIncomeTaxRateReconciliationAtFederalStatutoryIncomeTaxRate",
    "percent",
    "The reconciliation starts from the federal statutory rate of #.",
    "Taxes at the statutory federal rate of # would have been higher.",
  ),
  template(
    "EquityMethodInvestmentOwnershipPercentage",
    "percent",
    "We hold # of the joint venture and account for it by the equity method.",
    "The equity investee, of which we own #, reported a profit.",
  ),
  template(
    "ConcentrationRiskPercentage",
    "percent",
    "One customer accounted for # of our revenue.",
    "Sales to the three largest distributors were # of the total.",
  ),
  template(
    "DebtInstrumentFaceAmount",
    "millions",
    "In March we issued notes with a principal amount of #.",
    "The convertible debt was sold at its face value of #.",
  ),
  template(
    "DebtInstrumentCarryingAmount",
    "millions",
    "Net of the unamortized discount, the notes are carried at #.",
    "The carrying amount of the loan was # at year end.",
  ),
  template(
    "LineOfCreditFacilityMaximumBorrowingCapacity",
    "millions",
    "The revolving facility lets us borrow up to #.",
    "Lenders committed # in total under the credit agreement.",
  ),
  template(
    "LineOfCredit",
    "millions",
    "At the end of the quarter # was outstanding under the revolver.",
    "We had drawn # on the credit line.",
  ),
  template(
    "LettersOfCreditOutstandingAmount",
    "millions",
    "Letters of credit of # were outstanding.",
    "Banks had issued letters of credit for # on our behalf.",
  ),
  template(
    "Goodwill",
    "millions",
    "Goodwill on the balance sheet stands at #.",
    "The segment carries goodwill of #.",
  ),
  template(
    "GoodwillImpairmentLoss",
    "millions",
    "We wrote goodwill down by # in the third quarter.",
    "The annual test led to an impairment of goodwill of #.",
  ),
  template(
    "BusinessCombinationConsiderationTransferred1",
    "millions",
    "The purchase price of the acquired company was #.",
    "Total consideration for the acquisition came to #.",
  ),
  template(
    "AllocatedShareBasedCompensationExpense",
    "millions",
    "Stock-based compensation expense was #.",
    "We recognized # of expense for equity awards.",
  ),
  template(
    "RestructuringCharges",
    "millions",
    "Closing the two plants led to restructuring charges of #.",
    "Severance and exit costs of # were charged to restructuring.",
  ),
  template(
    "OperatingLeaseExpense",
    "millions",
    "Rent under operating leases came to #.",
    "Operating lease expense for the year was #.",
  ),
  template(
    "PropertyPlantAndEquipmentUsefulLife",
    "years",
    "Machinery is depreciated over #.",
    "The useful life of the buildings is # on average.",
  ),
  template(
    "FiniteLivedIntangibleAssetUsefulLife",
    "years",
    "Customer lists are amortized over #.",
    "The acquired patents have a life of #.",
  ),
  template(
    "DebtInstrumentTerm",
    "years",
    "The loan matures after #.",
    "We entered into a term loan that runs for #.",
  ),
  template(
    "ShareBasedCompensationArrangementByShareBasedPaymentAwardAwardVestingPeriod1",
    "years",
    "Options vest over #.",
    "Restricted units vest in equal parts during #.",
  ),
  template(
    "CommonStockSharesAuthorized",
    "shares",
    "The charter authorizes # of common stock.",
    "Our certificate allows for # of common stock in all.",
  ),
  template(
    "StockRepurchasedDuringPeriodShares",
    "shares",
    "During the year we bought back # on the open market.",
    "The company repurchased # under its program.",
  ),
  template(
    "ShareBasedCompensationArrangementByShareBasedPaymentAwardNumberOfSharesAuthorized",
    "shares",
    "The plan reserves # for awards to employees.",
    "Under the incentive plan # may be granted.",
  ),
  template(
    "SaleOfStockPricePerShare",
    "dollars",
    "The offering was priced at # a share.",
    "We sold the shares to underwriters for # each.",
  ),
  template(
    "CommonStockDividendsPerShareDeclared",
    "dollars",
    "The board declared a dividend of # a share.",
    "Holders are entitled to # for each share as the quarterly dividend.",
  ),
];
