from django.urls import path

from payments.views import (
    callbacks,
    collect,
    deposits,
    moving_out,
    orders,
    pay,
    payers,
    prepay,
    receipts,
    reconciliation,
    records,
    refund_requests,
    refunds,
    settlement,
    sharing,
    statement,
    unsettled,
    use_credit,
)

app_name = "payments"
urlpatterns = [
    # The providers, who come in crowds: found first
    path("callbacks/<slug:provider>/", callbacks.callback, name="callback"),
    path(
        # "of" keeps it apart from the callbacks of other rooms, such as callbacks/sms/<token>/.
        "callbacks/<slug:provider>/of/<slug:merchant>/",
        callbacks.callback,
        name="merchant_callback",
    ),
    # Residents
    path("pay/", pay.pay, name="pay"),
    path("pay/credit/", use_credit.use_credit, name="use_credit"),
    path("pay/ahead/", prepay.prepay, name="prepay"),
    path("pay/transfer/", records.transfer, name="transfer"),
    path("pay/orders/<int:pk>/", orders.order, name="order"),
    path("pay/orders/<int:pk>/status/", orders.order_status, name="order_status"),
    path("pay/orders/<int:pk>/go/", orders.order_go, name="order_go"),
    path("pay/orders/<int:pk>/scene/", orders.order_scene, name="order_scene"),
    path("pay/orders/<int:pk>/open/", orders.order_open, name="order_open"),
    path("pay/orders/<int:pk>/cancel/", orders.order_cancel, name="order_cancel"),
    path("payments/", records.records, name="records"),
    path("bills/<int:pk>/share/", sharing.share, name="share"),
    path("bills/<int:pk>/share/revoke/", sharing.revoke_share, name="revoke_share"),
    # Residents and staff
    path("receipts/<int:pk>/", receipts.receipt, name="receipt"),
    path("receipts/<int:pk>.pdf", receipts.receipt_pdf, name="receipt_pdf"),
    path("vouchers/<int:pk>.pdf", receipts.voucher, name="voucher"),
    path("accounts/<int:pk>/statement/", statement.statement, name="statement"),
    path("accounts/<int:pk>/statement.pdf", statement.statement_as_pdf, name="statement_pdf"),
    path("accounts/<int:pk>/statement.xlsx", statement.statement_as_xlsx, name="statement_xlsx"),
    # The front desk
    path("c/<slug:community>/desk/units/<int:pk>/collect/", collect.collect_money, name="collect"),
    path(
        "c/<slug:community>/desk/units/<int:pk>/use-credit/",
        use_credit.use_credit_at_desk,
        name="use_credit_at_desk",
    ),
    path("c/<slug:community>/desk/units/<int:pk>/prepay/", prepay.desk_prepay, name="desk_prepay"),
    path(
        "c/<slug:community>/desk/units/<int:pk>/deposit/",
        deposits.take_deposit,
        name="take_deposit",
    ),
    path("c/<slug:community>/desk/units/<int:pk>/move-out/", moving_out.move_out, name="move_out"),
    path("c/<slug:community>/desk/clearances/<int:pk>/", moving_out.clearance, name="clearance"),
    path("c/<slug:community>/desk/clearances/<int:pk>/clear/", moving_out.clear, name="clear"),
    path(
        "c/<slug:community>/desk/clearances/<int:pk>/readings/<int:item>/",
        moving_out.read_at_the_end,
        name="read_at_the_end",
    ),
    path(
        "c/<slug:community>/desk/clearances/<int:pk>/accept/",
        moving_out.accept_left_out,
        name="accept_left_out",
    ),
    path(
        "c/<slug:community>/desk/clearances/<int:pk>/settle/",
        moving_out.settle_clearance,
        name="settle_clearance",
    ),
    path(
        "c/<slug:community>/desk/clearances/<int:pk>/take-back/",
        moving_out.take_back_clearance,
        name="take_back_clearance",
    ),
    path(
        "c/<slug:community>/desk/clearances/<int:pk>/note.pdf",
        moving_out.clearance_note,
        name="clearance_note",
    ),
    path("c/<slug:community>/desk/deposits/", deposits.deposits, name="deposits"),
    path(
        "c/<slug:community>/desk/accounts/<int:pk>/refund/",
        refund_requests.ask_refund,
        name="ask_refund",
    ),
    path(
        "c/<slug:community>/desk/payments/<int:pk>/refund/",
        refund_requests.ask_original_refund,
        name="ask_original_refund",
    ),
    path(
        "c/<slug:community>/desk/refunds/<int:pk>/confirm/",
        refunds.confirm_refund,
        name="confirm_refund",
    ),
    path("c/<slug:community>/desk/refunds/", refunds.refunds, name="refunds"),
    path("c/<slug:community>/desk/refunds/<int:pk>/", refunds.refund, name="refund"),
    path(
        "c/<slug:community>/desk/refunds/<int:pk>/decide/",
        refunds.decide_refund,
        name="decide_refund",
    ),
    path("c/<slug:community>/desk/refunds/<int:pk>/pay/", refunds.pay_refund, name="pay_refund"),
    path(
        "c/<slug:community>/desk/refunds/<int:pk>/transfer/",
        refunds.transfer_refund,
        name="transfer_refund",
    ),
    path("c/<slug:community>/desk/refunds/<int:pk>/end/", refunds.end_refund, name="end_refund"),
    path(
        "c/<slug:community>/desk/refunds/<int:pk>/account/",
        refunds.refund_account,
        name="refund_account",
    ),
    path(
        "c/<slug:community>/desk/refunds/<int:pk>/voucher.pdf",
        refunds.refund_voucher,
        name="refund_voucher",
    ),
    path("c/<slug:community>/desk/receipts/", receipts.receipts, name="receipts"),
    # Whoever keeps the books
    path("c/<slug:community>/manager/payments/unsettled/", unsettled.unsettled, name="unsettled"),
    path(
        "c/<slug:community>/manager/payments/unsettled/<int:pk>/looked/",
        unsettled.look,
        name="look",
    ),
    path(
        "c/<slug:community>/manager/payments/unsettled/messages/",
        unsettled.astray,
        name="astray",
    ),
    path(
        "c/<slug:community>/manager/payments/unsettled/messages/<int:pk>/looked/",
        unsettled.look_message,
        name="look_message",
    ),
    path(
        "c/<slug:community>/manager/payments/unsettled/paid-twice/",
        unsettled.paid_twice,
        name="paid_twice",
    ),
    path(
        "c/<slug:community>/manager/reconciliations/",
        reconciliation.reconciliations,
        name="reconciliations",
    ),
    path(
        "c/<slug:community>/manager/reconciliations/compare/",
        reconciliation.compare_day,
        name="compare_day",
    ),
    path(
        "c/<slug:community>/manager/reconciliations/<int:pk>/",
        reconciliation.reconciliation,
        name="reconciliation",
    ),
    path(
        "c/<slug:community>/manager/reconciliations/<int:pk>/sign-off/",
        reconciliation.close_reconciliation,
        name="close_reconciliation",
    ),
    path(
        "c/<slug:community>/manager/differences/<int:pk>/",
        reconciliation.difference,
        name="difference",
    ),
    path(
        "c/<slug:community>/manager/differences/<int:pk>/settle/",
        reconciliation.settle_difference,
        name="settle_difference",
    ),
    path("c/<slug:community>/manager/settlements/", settlement.settlements, name="settlements"),
    path(
        "c/<slug:community>/manager/settlements/sign-off/",
        settlement.close_settlement_month,
        name="close_settlement_month",
    ),
    path(
        "c/<slug:community>/manager/settlements/days/<int:pk>/explain/",
        settlement.explain_settlement,
        name="explain_settlement",
    ),
    path(
        "c/<slug:community>/manager/settlements/entries/<int:pk>/undo/",
        settlement.undo_settlement,
        name="undo_settlement",
    ),
    path(
        "c/<slug:community>/manager/settlements/payouts/<int:pk>/",
        settlement.bank_line,
        name="bank_line",
    ),
    path(
        "c/<slug:community>/manager/settlements/payouts/<int:pk>/settle/",
        settlement.settle_bank_line,
        name="settle_bank_line",
    ),
    path(
        "c/<slug:community>/manager/statements/",
        settlement.bank_statements,
        name="bank_statements",
    ),
    # Everybody
    path("pay/payer/", payers.payer_return, name="payer_return"),
    path("pay/for/<str:token>/", sharing.shared_bill, name="shared_bill"),
    path("pay/for/<str:token>/orders/<int:pk>/", sharing.shared_order, name="shared_order"),
    path(
        "pay/for/<str:token>/orders/<int:pk>/status/",
        sharing.shared_order_status,
        name="shared_order_status",
    ),
    path(
        "pay/for/<str:token>/orders/<int:pk>/go/", sharing.shared_order_go, name="shared_order_go"
    ),
    path("receipts/check/<slug:token>/", receipts.receipt_check, name="receipt_check"),
]
